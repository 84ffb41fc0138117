import { defSystem } from "@thi.ng/system";

// A hook that does not give `true` has failed.
const service = (name) => ({
  start: async () => (console.log(`${name} starts`), true),
  stop: async () => (console.log(`${name} stops`), true),
});

async function main() {
  const system = defSystem({
    a: { factory: () => service("a") },
    b: { factory: () => service("b"), deps: ["a"] },
  });
  await system.start();
  await system.stop();
}

main();
