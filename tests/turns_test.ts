import { test } from "uvu";
import * as assert from "uvu/assert";
import { Turns } from "../src/_time/turns.ts";
import { guard } from "./_guard.ts";

guard(test);

/** Does nothing for some milliseconds. */
function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("Turns looks at the time from the first item on: slow ones are few before a turn", () => {
  const turns = new Turns();
  let items = 1;
  while (!turns.due()) {
    burn(4);
    items++;
  }
  assert.ok(items <= 6, `${items} items of 4 ms`);
});

test("Turns sees that items have become slow", () => {
  const turns = new Turns();
  for (let item = 0; item < 9_000; item++) {
    if (turns.due()) return; // a slow machine
  }
  let items = 0;
  while (!turns.due()) {
    burn(4);
    items++;
  }
  assert.ok(items <= 22, `${items} items of 4 ms`);
});

test("Turns are due after 10 000 items where time stands still, and are the same for all", async () => {
  const turns = new Turns();
  let items = 0;
  while (!turns.due()) items++;
  assert.ok(items <= 10_100, `${items} items`);
  const turn = turns.give();
  assert.is(turns.due(), true); // whoever asks meanwhile waits as well
  assert.is(turns.give(), turn);
  await turn;
  assert.is(turns.due(), false);
});

test.run();
