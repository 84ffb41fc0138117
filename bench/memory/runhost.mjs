import { library } from "../library.mjs";
import { drive, work } from "./_drive.mjs";

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

await drive((count, tally) => createHost(Array.from({ length: count }, () => new Worker(tally))));
