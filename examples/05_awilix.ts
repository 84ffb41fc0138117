/** Shows dependency injection with awilix: services from a container, and a scope an iteration. */
import { asClass, asValue, createContainer, InjectionMode } from "awilix";
import { BackgroundService, every, hostedService, runHost } from "@runhost/host/node";

/** One for each iteration; the container disposes it with its scope. */
class UnitOfWork {
  static #count = 0;
  readonly id: number = ++UnitOfWork.#count;

  async save(order: string): Promise<void> {
    await Promise.resolve();
    console.log(`unit ${this.id}: saved ${order}`);
  }

  dispose(): void {
    console.log(`unit ${this.id}: disposed`);
  }
}

interface Dependencies {
  readonly orders: string[];
  readonly unit: UnitOfWork;
  readonly worker: Worker;
}

const container = createContainer<Dependencies>({ injectionMode: InjectionMode.PROXY });

class Worker extends BackgroundService {
  readonly #orders: string[];

  constructor({ orders }: Dependencies) {
    super();
    this.#orders = orders;
  }

  override async execute(signal: AbortSignal): Promise<void> {
    for await (const _ of every(10, { signal })) {
      const order = this.#orders.shift();
      if (!order) return;
      const scope = container.createScope();
      try {
        await scope.cradle.unit.save(order);
      } finally {
        await scope.dispose();
      }
    }
  }
}

container.register({
  orders: asValue(["tea", "coffee"]),
  unit: asClass(UnitOfWork).scoped().disposer((unit) => unit.dispose()),
  worker: asClass(Worker).singleton(),
});

/** First in the list, so that the container is disposed last. */
const disposal = hostedService("container", { stop: () => container.dispose() });
await runHost([disposal, () => container.cradle.worker], { stopWhenIdle: true });
