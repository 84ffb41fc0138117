/** Shows the six hooks of a service and the four signals of the host, in the order they come. */
import { createHost, type HostedLifecycleService, onAbort } from "@runhost/host/node";

/** All hooks but `start` and `stop` are optional. */
class Chatty implements HostedLifecycleService {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  starting(): void {
    console.log(`${this.name}: starting, before the start of anything`);
  }
  start(): void {
    console.log(`${this.name}: start`);
  }
  started(): void {
    console.log(`${this.name}: started, after the start of everything`);
  }
  stopping(): void {
    console.log(`${this.name}: stopping, before the stop of anything`);
  }
  stop(): void {
    console.log(`${this.name}: stop`);
  }
  stopped(): void {
    console.log(`${this.name}: stopped, after the stop of everything`);
  }
}

const host = createHost([new Chatty("first"), new Chatty("second")]);
for (const signal of ["started", "closing", "stopping", "stopped"] as const) {
  onAbort(host.lifetime[signal], () => console.log(`lifetime.${signal}`));
}

await host.start();
await host.stop();
