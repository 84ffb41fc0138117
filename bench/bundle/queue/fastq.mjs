import fastq from "fastq";

async function main() {
  const queue = fastq.promise((task) => task(), 1);
  for (const number of [1, 2, 3]) queue.push(async () => console.log(number));
  await queue.drained();
}

main();
