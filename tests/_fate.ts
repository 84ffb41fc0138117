/** What has become of a promise so far. Looking at it handles its rejection. */
export class Fate {
  state: "pending" | "fulfilled" | "rejected" = "pending";
  reason: unknown;

  constructor(promise: Promise<unknown>) {
    promise.then(
      () => {
        this.state = "fulfilled";
      },
      (reason) => {
        this.state = "rejected";
        this.reason = reason;
      },
    );
  }
}

/** What a promise rejects with; fails if it fulfils. */
export async function rejection<E = Error>(promise: Promise<unknown>): Promise<E> {
  try {
    await promise;
  } catch (error) {
    return error as E;
  }
  throw new Error("It fulfilled");
}

/** What a function throws; fails if it returns. */
export function thrown<E = Error>(call: () => unknown): E {
  try {
    call();
  } catch (error) {
    return error as E;
  }
  throw new Error("It returned");
}
