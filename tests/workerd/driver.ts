/** A Worker that does for another one what the platform does: fires its crons, fills its queues. */

interface Env {
  readonly WORKER: {
    scheduled(event: { cron: string; scheduledTime: Date }): Promise<unknown>;
    queue(name: string, messages: readonly object[]): Promise<unknown>;
  };
}

interface Drive {
  readonly cron?: string;
  readonly queue: string;
  readonly bodies: readonly unknown[];
}

export default {
  async fetch(request: Request, { WORKER }: Env): Promise<Response> {
    const { cron, queue, bodies } = await request.json() as Drive;
    const now = new Date();
    if (cron) return Response.json(await WORKER.scheduled({ cron, scheduledTime: now }));
    const messages = bodies.map((body, id) => ({ id: `${id}`, timestamp: now, body, attempts: 1 }));
    return Response.json(await WORKER.queue(queue, messages));
  },
};
