import { type Deferred, deferred } from "../../_deferred.ts";

/** How many statements may be on their way at the same time: what comes meanwhile waits, and shares the next one. */
const mostAtOnce = 2;

/** Calls that share a statement, and so a transaction and a wait for the disk: those of one turn, and of the wait before. */
export class Gathering<Call, Answer> {
  readonly #make: (calls: readonly Call[]) => Promise<readonly Answer[]>;
  #waiting: { readonly call: Call; readonly answer: Deferred<Answer> }[] = [];
  #running = 0;

  /** @param make Makes calls, in one statement; gives their answers in the same order. */
  constructor(make: (calls: readonly Call[]) => Promise<readonly Answer[]>) {
    this.#make = make;
  }

  /** Settles with the statement that the call is part of. */
  ask(call: Call): Promise<Answer> {
    const answer = deferred<Answer>();
    this.#waiting.push({ call, answer });
    if (this.#waiting.length === 1) queueMicrotask(() => this.#go());
    return answer.promise;
  }

  async #go(): Promise<void> {
    if (this.#running >= mostAtOnce || this.#waiting.length === 0) return;
    const calls = this.#waiting;
    this.#waiting = [];
    this.#running++;
    try {
      const answers = await this.#make(calls.map(({ call }) => call));
      for (const [index, { answer }] of calls.entries()) answer.resolve(answers[index] as Answer);
    } catch (error) {
      for (const { answer } of calls) answer.reject(error);
    } finally {
      this.#running--;
      this.#go();
    }
  }
}
