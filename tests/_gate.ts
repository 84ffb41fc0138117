/** A promise that a test settles when it likes. */
export class Gate {
  readonly promise: Promise<void>;
  open!: () => void;
  fail!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.open = resolve;
      this.fail = reject;
    });
    this.promise.catch(() => {});
  }
}

/** Never settles. */
export function hang(): Promise<never> {
  return new Promise(() => {});
}
