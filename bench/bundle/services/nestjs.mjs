import "reflect-metadata";
import { NestFactory } from "@nestjs/core";

/** The hooks of a module run in the order of the imports. */
const withService = (name, ...imports) => ({
  module: class {},
  imports,
  providers: [{
    provide: name,
    useValue: {
      onModuleInit: () => console.log(`${name} starts`),
      onModuleDestroy: () => console.log(`${name} stops`),
    },
  }],
});

async function main() {
  const root = withService("b", withService("a"));
  const application = await NestFactory.createApplicationContext(root, {
    logger: false,
  });
  await application.close();
}

main();
