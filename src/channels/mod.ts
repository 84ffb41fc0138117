/**
 * A queue between producers and consumers, .NET's `System.Threading.Channels`: bounded or not, with
 * back-pressure or dropping.
 *
 * ```ts
 * import { backgroundService, createHost } from "@runhost/host";
 * import { Channel } from "@runhost/host/channels";
 *
 * const lines = new Channel<string>({ capacity: 100 });
 *
 * const reader = backgroundService("reader", async (signal) => {
 *   for (let line = 1; line <= 3; line++) await lines.write(`Line ${line}`, signal);
 *   lines.complete();
 * });
 * const printer = backgroundService("printer", async (signal) => {
 *   for await (const line of lines.readAll(signal)) console.log(line);
 * });
 *
 * await createHost([reader, printer], { stopWhenIdle: true }).run();
 * ```
 *
 * @module
 */

export { Channel, type ChannelFullMode, type ChannelOptions } from "./channel.ts";
export { ChannelClosedError } from "./channel_closed_error.ts";
