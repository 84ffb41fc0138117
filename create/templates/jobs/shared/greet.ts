import { defineJob } from "@runhost/host/jobs";

/** A job: stored before it is done, and tried again if it fails. */
export const greet = defineJob("greet", {
  retry: { attempts: 5, delay: 1_000 },
  execute({ name }: { name: string }, _signal, { log }) {
    log(`Greeting ${name}`);
    return `Hello, ${name}`;
  },
});
