import Systemic from "systemic";

const service = (name) => ({
  start: async () => console.log(`${name} starts`),
  stop: async () => console.log(`${name} stops`),
});

async function main() {
  const system = Systemic().add("a", service("a")).add("b", service("b"))
    .dependsOn("a");
  await system.start();
  await system.stop();
}

main();
