/**
 * Shows a file pipeline that survives a restart: it watches a folder, counts the words of each file
 * and moves it on.
 *
 *     npx tsx examples/18_file_pipeline/main.ts
 *     echo "three little words" > examples/18_file_pipeline/data/inbox/a.txt
 *
 * Stop it with Ctrl+C or `kill -9` in the middle of a file, and start it again: the file is done
 * once more, from its beginning. `DATA` is where the folders are (`data` beside this file).
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { delay, runHost } from "@runhost/host/node";
import { consumer } from "@runhost/host/consumers";
import { FolderSource } from "./folder_source.ts";

const { DATA = fileURLToPath(new URL("./data", import.meta.url)) } = process.env;
const source = new FolderSource(DATA);

const counter = consumer<string>("word counter", {
  source,
  concurrency: 2,
  retry: { attempts: 2, delay: 50 },
  started: () => console.log(`Watching ${source.path("inbox", "")}`),

  async handle(file, signal) {
    const words = (await readFile(source.path("work", file), "utf8")).match(/\S+/g);
    if (!words) throw new Error(`${file} has no words`);
    await delay(words.length * 20, { signal }); // hard work
    // Complete or not there at all: a crash leaves nothing half written.
    await writeFile(source.path("work", `.${file}`), `${words.length}\n`);
    await rename(source.path("work", `.${file}`), source.path("done", `${file}.count`));
    console.log(`${file}: ${words.length} words`);
  },
  onDeadLetter: (file) => console.log(`${file}: moved to failed`),
});

await runHost([counter], { shutdownTimeout: 5_000 });
