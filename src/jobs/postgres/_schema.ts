import { StorageVersionError } from "../errors.ts";
import { functions } from "./_functions.ts";
import { tables } from "./_tables.ts";

/** The name of a schema that needs no quotes. */
export const schemaName: RegExp = /^[a-z_][a-z0-9_]{0,40}$/;

/**
 * What makes the tables and functions of each version out of those of the version before; the first one makes them. One
 * that was released never changes.
 */
export const migrations = (schema: string): readonly (readonly string[])[] => [
  [...tables(schema), ...functions(schema)],
];

/** The version that this package knows. */
export const known: number = migrations("it").length;

/** Brings the schema to the newest version: one statement, and of many processes at once one does it. */
export function migration(schema: string): string {
  const steps = migrations(schema).map((statements, version) =>
    `if found <= ${version} then
      ${statements.join(";\n")};
    end if;`
  );
  return `do $migrate$
  declare
    found integer;
  begin
    perform pg_advisory_xact_lock(hashtext('runhost ${schema}'));
    if not exists (select 1 from pg_namespace where nspname = '${schema}') then
      create schema ${schema};
    end if;
    if to_regclass('${schema}.version') is null then
      create table ${schema}.version (version integer not null);
    end if;
    select coalesce(max(version), 0) into found from ${schema}.version;
    ${steps.join("\n")}
    if found < ${known} then
      delete from ${schema}.version;
      insert into ${schema}.version values (${known});
    end if;
  end $migrate$`;
}

/** Refuses the tables of another version. */
export function checkVersion(schema: string, found: number): void {
  if (found > known) throw new StorageVersionError(`PostgreSQL schema "${schema}"`, found, known);
  if (found < known) {
    throw new Error(
      `Cannot use PostgreSQL schema "${schema}": its tables are of version ${found}, and this version of @runhost/host needs ${known}; start one process whose user may change them, with \`migrate\` left at true`,
    );
  }
}
