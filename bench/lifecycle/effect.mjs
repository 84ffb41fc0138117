import { Effect, Layer, ManagedRuntime } from "effect";
import { drive, service } from "./_drive.mjs";

/** A worker is a fiber of its layer: closing the layer interrupts it and waits for its end. */
const background = (tally) =>
  Effect.sync(() => tally.started++).pipe(
    Effect.andThen(Effect.never),
    Effect.ensuring(Effect.sync(() => tally.stopped++)),
    Effect.forkScoped,
  );

const hooks = ({ start, stop }) =>
  Effect.acquireRelease(Effect.promise(start), () => Effect.promise(stop));

const bound = (it) => ({ start: () => it.start(), stop: () => it.stop() });

await drive((kind, count, tally) => {
  const layers = Array.from(
    { length: count },
    () =>
      Layer.effectDiscard(
        kind === "background" ? background(tally) : hooks(bound(service(kind, tally))),
      ),
  );
  const runtime = ManagedRuntime.make(Layer.mergeAll(...layers));
  return { start: () => runtime.context(), stop: () => runtime.dispose() };
});
