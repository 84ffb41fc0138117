import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BackgroundService,
  backgroundService,
  type HostedService,
  hostedService,
  type ServiceContext,
  type ServiceTimeoutError,
} from "../mod.ts";
import { Fate } from "./_fate.ts";
import { hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";

guard(test);

const hooks = { start() {}, stop() {} };

class Mailer implements HostedService {
  start(): void {}
  stop(): void {}
}

class Cleaner extends BackgroundService {
  override async execute(): Promise<void> {}
}

class Named extends Mailer {
  readonly name: string = "by property";
}

class Getter extends Mailer {
  get name(): string {
    return "by getter";
  }
}

/** The names a host gives, before its start and while it runs. */
async function names(services: readonly (HostedService | (() => HostedService))[]) {
  const { host } = rig(services);
  await host.start();
  const given = host.services.map(({ name }) => name);
  await host.stop();
  return given;
}

test("a service is called by its name", async () => {
  assert.equal(
    await names([
      hostedService("pool", {}),
      backgroundService("worker", async () => {}),
      { ...hooks, name: "literal" },
      new Named(),
      new Getter(),
    ]),
    ["pool", "worker", "literal", "by property", "by getter"],
  );
});

test("a service without a name is called by its class", async () => {
  assert.equal(await names([new Mailer(), new Cleaner()]), ["Mailer", "Cleaner"]);
});

test('a service without either is called "service"', async () => {
  const anonymous = new (class {
    start(): void {}
    stop(): void {}
  })();
  const bare: HostedService = Object.assign(Object.create(null), hooks);
  assert.equal(
    await names([{ ...hooks }, anonymous, bare, { ...hooks, name: "" }, hostedService("", {})]),
    ["service", "service#2", "service#3", "service#4", "service#5"],
  );
});

test("names are made unique, in order of registration", async () => {
  assert.equal(
    await names([new Mailer(), hostedService("a", {}), new Mailer(), new Mailer()]),
    ["Mailer", "a", "Mailer#2", "Mailer#3"],
  );
});

test("names are unique whatever services are called", async () => {
  const given = await names(
    ["a", "a#2", "a", "a", "a#2", "a#3"].map((name) => hostedService(name, {})),
  );
  assert.is(new Set(given).size, given.length);
  assert.equal(given.slice(0, 2), ["a", "a#2"]);
});

test("names of what factories make are given when it is made", async () => {
  assert.equal(
    await names([() => hostedService("a", {}), hostedService("a", {}), () => new Mailer()]),
    ["a#2", "a", "Mailer"],
  );
});

test("before the start a factory goes by its own name", async () => {
  function makePool(): HostedService {
    return hostedService("pool", {});
  }
  const { host } = rig([makePool, (() => makePool)()]);
  assert.equal(host.services.map(({ name }) => name), ["makePool", "makePool"]);
  await host.start();
  assert.equal(host.services.map(({ name }) => name), ["pool", "pool#2"]);
  await host.stop();
});

test("the host lifetime keeps its name", async () => {
  assert.equal(await names([hostedService("hostLifetime", {})]), ["hostLifetime#2"]);
});

test("context.name, events, errors, log lines and services agree on the name", async () => {
  const seen: string[] = [];
  const service = (): HostedService => ({
    name: "twin",
    start: (_: AbortSignal, context: ServiceContext) => seen.push(context.name),
    stop: hang,
  });
  const { host, clock, events, lines } = rig([service(), service()], {
    shutdownTimeout: 10,
    abandonTimeout: 10,
    servicesStopConcurrently: true,
  });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(20);
  const expected = ["twin", "twin#2"];
  assert.equal(seen, expected);
  assert.equal(host.services.map(({ name }) => name), expected);
  const { errors } = stop.reason as AggregateError;
  assert.equal(errors.map((it: ServiceTimeoutError) => it.service).sort(), expected);
  const told = new Set(events.flatMap((event) => "service" in event ? [event.service] : []));
  assert.equal([...told].sort(), expected);
  assert.equal(
    lines.heads.sort(),
    [
      'error: Service "twin": stop abandoned after 20 ms',
      'error: Service "twin#2": stop abandoned after 20 ms',
    ].sort(),
  );
});

test.run();
