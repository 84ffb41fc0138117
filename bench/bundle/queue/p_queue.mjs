import PQueue from "p-queue";

async function main() {
  const queue = new PQueue({ concurrency: 1 });
  for (const number of [1, 2, 3]) queue.add(async () => console.log(number));
  await queue.onIdle();
}

main();
