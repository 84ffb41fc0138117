const tasks = [1, 2, 3].map((number) => async () => console.log(number));

async function main() {
  for (const task of tasks) await task();
}

main();
