/** A fiber for each, in one scope. */
import { Effect, Exit, Scope } from "effect";
import { drive } from "./_drive.mjs";

await drive((count, tally) => {
  const scope = Effect.runSync(Scope.make());
  const work = Effect.sync(() => tally.started++).pipe(
    Effect.andThen(Effect.never),
    Effect.ensuring(Effect.sync(() => tally.stopped++)),
    Effect.forkIn(scope),
  );
  return {
    async start() {
      for (let index = 0; index < count; index++) Effect.runSync(work);
    },
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void)),
  };
});
