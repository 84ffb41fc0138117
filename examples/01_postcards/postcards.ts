import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import type { HostedService, ServiceContext } from "@runhost/host";

/** A line of text, and how far its picture is. */
export interface Postcard {
  readonly id: number;
  readonly text: string;
  readonly state: "queued" | "painting" | "done";
  /** How many layers of the picture there are. */
  readonly layers: number;
}

/** All postcards: a table in an embedded PostgreSQL, and the queue the painter takes from. */
export class Postcards implements HostedService {
  readonly name = "postcards";
  readonly #folder: string;
  #database: PGlite | undefined;

  constructor(folder: string) {
    this.#folder = join(folder, "postgres");
  }

  async start(_signal: AbortSignal, { logger }: ServiceContext): Promise<void> {
    logger.info("postcards: opening the database; the first time it is made, be patient");
    this.#database = await PGlite.create(this.#folder);
    await this.#database.exec(`
      create table if not exists postcards (
        id serial primary key,
        text text not null,
        state text not null default 'queued',
        layers int not null default 0,
        picture text not null default ''
      );
      -- Whoever painted these was killed; they go on where they were.
      update postcards set state = 'queued' where state = 'painting';
    `);
  }

  stop(): Promise<void> {
    return this.#opened.close();
  }

  /** Adds one at the end of the queue. */
  async add(text: string): Promise<Postcard> {
    const [added] = await this.#query<Postcard>(
      "insert into postcards (text) values ($1) returning id, text, state, layers",
      [text],
    );
    return added!;
  }

  /** All of them, newest first. */
  all(): Promise<Postcard[]> {
    return this.#query("select id, text, state, layers from postcards order by id desc");
  }

  /** Takes the oldest from the queue: it is the caller's until `putBack` or `finish`. */
  async take(): Promise<Postcard | undefined> {
    const [taken] = await this.#query<Postcard>(`
      update postcards set state = 'painting'
      where id = (select id from postcards where state = 'queued' order by id limit 1)
      returning id, text, state, layers
    `);
    return taken;
  }

  /** Adds a layer to a picture; it is there to stay. */
  async addLayer(id: number, layer: string): Promise<void> {
    await this.#query(
      "update postcards set layers = layers + 1, picture = picture || $2 where id = $1",
      [id, layer],
    );
  }

  async finish(id: number): Promise<void> {
    await this.#query("update postcards set state = 'done' where id = $1", [id]);
  }

  async putBack(id: number): Promise<void> {
    await this.#query("update postcards set state = 'queued' where id = $1", [id]);
  }

  /** The layers of a picture so far, as SVG. */
  async picture(id: number): Promise<string | undefined> {
    const [found] = await this.#query<{ readonly picture: string }>(
      "select picture from postcards where id = $1",
      [id],
    );
    return found?.picture;
  }

  get #opened(): PGlite {
    if (!this.#database) throw new Error("Cannot use the postcards: they are not open");
    return this.#database;
  }

  async #query<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#opened.query<Row>(sql, [...values])).rows;
  }
}
