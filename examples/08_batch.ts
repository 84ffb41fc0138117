/**
 * Shows a batch: workers that end by themselves, a host that stops when all have, and the exit code
 * that tells the scheduler: 0 all done, 1 one failed (try the argument `fail`), 130 interrupted (try
 * `slow` and Ctrl+C).
 */
import process from "node:process";
import { backgroundService, delay, runHost } from "@runhost/host/node";

const pace = process.argv.includes("slow") ? 60_000 : 100;
const broken = process.argv.includes("fail") ? "customers" : undefined;

const imports = ["customers", "orders", "invoices"].map((table, index) =>
  backgroundService(`import ${table}`, async (signal, { name }) => {
    await delay(pace * index, { signal });
    if (table === broken) throw new Error(`Line 7 of ${table}.csv has no number`);
    console.log(`${name}: done`);
  })
);

try {
  await runHost(imports, { stopWhenIdle: true });
  console.log("The batch has ended");
} catch (error) {
  console.log(`The batch has failed: ${(error as Error).message}`);
}
