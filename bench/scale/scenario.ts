import type { Scenario } from "../_scenario.ts";

/** Whether more servers on one database do more. */
export const scale: Scenario = {
  name: "scale",
  title: "Jobs: servers on one PostgreSQL",
  about:
    `4 000 waiting jobs (400 in the quick form), worked off by one, two or four servers in processes of their own: by
handlers that wait for 10 ms, 4 at a time in each server, and by handlers that do nothing, 16 at a time. The database
and all servers share the cores of one machine.`,
  unit: "thousand/s",
  variants: ["1", "2", "4"].map((count) => ({
    name: count === "1" ? "1 server" : `${count} servers`,
    program: "servers.mjs",
    argument: count,
    needs: "POSTGRES_URL",
  })),
  runtimes: ["node"],
  goals: [],
  rounds: 3,
};
