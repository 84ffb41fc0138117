import { Effect, Layer, ManagedRuntime } from "effect";

const service = (name) =>
  Layer.effectDiscard(
    Effect.acquireRelease(
      Effect.sync(() => console.log(`${name} starts`)),
      () => Effect.sync(() => console.log(`${name} stops`)),
    ),
  );

async function main() {
  const runtime = ManagedRuntime.make(
    service("b").pipe(Layer.provide(service("a"))),
  );
  await runtime.context();
  await runtime.dispose();
}

main();
