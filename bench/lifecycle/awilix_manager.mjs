import { asFunction, createContainer } from "awilix";
import { AwilixManager } from "awilix-manager";
import { drive, services } from "./_drive.mjs";

await drive((kind, count, tally) => {
  const diContainer = createContainer();
  for (const [index, service] of services(kind, count, tally).entries()) {
    diContainer.register(
      `service${index}`,
      asFunction(() => service, {
        lifetime: "SINGLETON",
        asyncInit: "start",
        asyncInitPriority: index,
        asyncDispose: "stop",
        asyncDisposePriority: count - index,
      }),
    );
  }
  const manager = new AwilixManager({
    diContainer,
    asyncInit: true,
    asyncDispose: true,
  });
  return {
    start: () => manager.executeInit(),
    stop: () => manager.executeDispose(),
  };
});
