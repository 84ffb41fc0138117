import { builtin } from "../_builtin.ts";

/** Where this program runs, as an operator finds it: host and process, as far as the runtime tells and lets ask. */
export function location(): string {
  const os = builtin("node:os") as { hostname(): string } | undefined;
  const process = builtin("node:process") as { readonly pid: number } | undefined;
  try {
    return `${os?.hostname() ?? "unknown"}:${process?.pid ?? "?"}`;
  } catch {
    return `unknown:${process?.pid ?? "?"}`; // Deno asks for a permission
  }
}
