import { library } from "../library.mjs";
import { drive, service, work } from "./_drive.mjs";

const { BackgroundService, createHost } = await library("mod");

class Worker extends BackgroundService {
  constructor(tally) {
    super();
    this.tally = tally;
  }
  execute(signal) {
    return work(signal, this.tally);
  }
}

await drive((kind, count, tally) =>
  createHost(
    Array.from(
      { length: count },
      () => kind === "background" ? new Worker(tally) : service(kind, tally),
    ),
  )
);
