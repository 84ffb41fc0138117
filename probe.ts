import { PGlite } from "@electric-sql/pglite";
try {
const db = await PGlite.create("/tmp/pg/k");
await db.exec("create table if not exists t (id serial primary key, x text)");
console.log((await db.query("select count(*)::int as n, max(id) from t")).rows[0]);
let last = 0;
if (process.argv[2] === "hold") { setTimeout(() => {console.log("last", last); process.kill(process.pid, "SIGKILL")}, 1500); for (;;) last = (await db.query("insert into t (x) values ('y') returning id")).rows[0].id; }
else await db.close();
} catch (e) { console.log(String(e).slice(0, 300)); process.exit(1) }
