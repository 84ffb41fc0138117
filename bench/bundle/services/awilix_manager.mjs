import { asFunction, createContainer } from "awilix";
import { AwilixManager } from "awilix-manager";

const diContainer = createContainer();
for (const [index, name] of ["a", "b"].entries()) {
  const service = {
    start: async () => console.log(`${name} starts`),
    stop: async () => console.log(`${name} stops`),
  };
  diContainer.register(
    name,
    asFunction(() => service, {
      lifetime: "SINGLETON",
      asyncInit: "start",
      asyncInitPriority: index,
      asyncDispose: "stop",
      asyncDisposePriority: 2 - index,
    }),
  );
}

async function main() {
  const manager = new AwilixManager({
    diContainer,
    asyncInit: true,
    asyncDispose: true,
  });
  await manager.executeInit();
  await manager.executeDispose();
}

main();
