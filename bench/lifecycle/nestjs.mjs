import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
import { drive, services } from "./_drive.mjs";

await drive((kind, count, tally) => {
  class Application {}
  const root = {
    module: Application,
    providers: services(kind, count, tally).map((service, index) => ({
      provide: `service ${index}`,
      useValue: {
        onModuleInit: () => service.start(),
        onModuleDestroy: () => service.stop(),
      },
    })),
  };
  let application;
  return {
    async start() {
      application = await NestFactory.createApplicationContext(root, {
        logger: false,
      });
    },
    stop: () => application.close(),
  };
});
