import { check, nothing } from "../_check.ts";
import { decoder, type Input, isSchema, type StandardSchema } from "./input.ts";

/**
 * An `input` for a consumer whose source delivers JSON, as text or as bytes in UTF-8. What is none is
 * refused.
 *
 * @param schema Checks what was read, and makes of it what the handler wants: a Standard Schema, or a
 * function. Without one the handler is given whatever it is.
 * @throws {TypeError} If the schema is neither.
 *
 * @example Orders from a queue of text
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { consumer, type Delivery, json } from "@runhost/host/consumers";
 * import { deepEqual } from "node:assert/strict";
 *
 * const log: string[] = [];
 * const delivery = (value: string): Delivery<string> => ({
 *   value,
 *   ack: () => log.push(`done ${value}`),
 *   release() {},
 *   reject: (error) => log.push(`${(error as Error).name} ${value}`),
 * });
 * const waiting = ['{"id":1}', "rubbish"];
 *
 * const orders = consumer("orders", {
 *   source: { receive: async () => waiting.splice(0, 1).map(delivery) },
 *   pollInterval: 0,
 *   input: json((value) => value as { id: number }), // better: a schema of Zod or Valibot
 *   handle: ({ id }) => log.push(`order ${id}`),
 * });
 * const host = createHost([orders], { logger: false });
 * await host.start();
 * await orders.onIdle({ quiet: 10 });
 * await host.stop();
 *
 * deepEqual(log, ["order 1", 'done {"id":1}', "SyntaxError rubbish"]);
 * ```
 *
 * @typeParam T What the handler wants.
 */
export function json<T = unknown>(schema?: Input<T>): StandardSchema<T> {
  if (schema !== undefined && !isSchema(schema)) check("schema", schema, nothing);
  const decode = schema ? decoder(schema) : (value: unknown) => value as T;
  // A schema and no function: TypeScript infers from functions too late to know the handler's type.
  return {
    "~standard": {
      validate: async (raw) => ({ value: await decode(JSON.parse(textOf(raw))) }),
    },
  };
}

function textOf(raw: unknown): string {
  if (typeof raw === "string") return raw;
  if (ArrayBuffer.isView(raw) || raw instanceof ArrayBuffer) {
    return new TextDecoder("utf-8", { fatal: true }).decode(raw);
  }
  const type = raw === null ? "null" : typeof raw;
  throw new TypeError(`Cannot read JSON: expected text or bytes, got ${type}`);
}
