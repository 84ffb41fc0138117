/** A service worker with a lazy host: its events are what that wants, as they are. */
import { delay, hostedService, lazyHost, type PlatformEvent } from "@runhost/host/workers";

/** What is used of the scope; TypeScript has its types in a library that excludes the page's. */
interface Scope {
  addEventListener(type: "install" | "activate", listener: (event: LifeEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}

interface LifeEvent {
  waitUntil(promise: Promise<unknown>): void;
}

interface FetchEvent extends PlatformEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;
const log: string[] = [];
const host = lazyHost(() => [
  hostedService("cache", {
    async start() {
      log.push("starting");
      await delay(50);
      log.push("started");
    },
  }),
]);

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (pathname === "/log") {
    event.respondWith(Promise.resolve(Response.json(log)));
  } else if (pathname === "/hello") {
    event.respondWith(host.handle(event, ({ waitUntil }) => {
      waitUntil(delay(20).then(() => log.push("after the answer")));
      return Response.json(log);
    }));
  }
});
