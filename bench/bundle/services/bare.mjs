const services = ["a", "b"].map((name) => ({
  start: () => console.log(`${name} starts`),
  stop: () => console.log(`${name} stops`),
}));

async function main() {
  for (const service of services) await service.start();
  for (const service of services.reverse()) await service.stop();
}

main();
