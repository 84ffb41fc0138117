import { createHost, hostedService } from "@runhost/host";

const services = ["a", "b"].map((name) =>
  hostedService(name, {
    start: () => console.log(`${name} starts`),
    stop: () => console.log(`${name} stops`),
  })
);

async function main() {
  const host = createHost(services);
  await host.start();
  await host.stop();
}

main();
