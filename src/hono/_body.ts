/**
 * The same body, and word of its end. Reads as it is read, so that a slow client slows down whoever
 * writes.
 *
 * @param ended It was read to its end, or failed.
 * @param cancelled Nobody wants the rest of it.
 */
export function observe(
  body: ReadableStream<Uint8Array>,
  ended: () => void,
  cancelled: (reason: unknown) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        ended();
        controller.close();
      } catch (error) {
        ended();
        throw error;
      }
    },

    cancel(reason) {
      cancelled(reason);
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
