/**
 * A schema of any library that implements Standard Schema (https://standardschema.dev): the part of it
 * that is used here.
 *
 * @typeParam T What the schema makes of a value.
 */
export interface StandardSchema<T> {
  /** The member under which the specification puts all of its own. */
  readonly "~standard": {
    /** Checks a value, and gives what the schema makes of it, or what is wrong with it. */
    validate(value: unknown): InputResult<T> | Promise<InputResult<T>>;
  };
}

/** What a {@linkcode StandardSchema} says of a value. */
export type InputResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly InputIssue[] };

/** One thing that is wrong with a value. */
export interface InputIssue {
  /** What is wrong, as a sentence. */
  readonly message: string;
  /** Where in the value, from the outside in; nothing for the value as a whole. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Makes of a raw value, as the source delivers it, the one the handler wants: a schema of any library
 * that implements Standard Schema (Zod, Valibot, ArkType), or a function. What that throws or rejects
 * with is why the value is refused.
 *
 * @typeParam T What the handler wants.
 * @typeParam Raw What the source delivers.
 */
export type Input<T, Raw = unknown> = StandardSchema<T> | ((raw: Raw) => T | PromiseLike<T>);

/** A schema has refused a value. */
export class InputError extends Error {
  /** Stable; compare this rather than the class, of which a program may hold two copies. */
  readonly code: "ERR_INPUT" = "ERR_INPUT";
  /** The name of the class. */
  override readonly name: string = "InputError";
  /** All that is wrong with the value. */
  readonly issues: readonly InputIssue[];

  /** Thrown by a consumer, and by `json`, with all that a schema has found. */
  constructor(issues: readonly InputIssue[]) {
    super(`The schema refuses the value: ${issues.map(textOf).join("; ")}`);
    this.issues = issues;
  }
}

/** An {@linkcode Input} as a function. `owner` is the `this` of one that is a method. */
export function decoder<T, Raw>(
  input: Input<T, Raw>,
  owner?: unknown,
): (raw: Raw) => T | PromiseLike<T> {
  const schema = isSchema(input) ? input : undefined; // first: some schemas are functions, too
  if (!schema) return (input as (raw: Raw) => T | PromiseLike<T>).bind(owner);
  return async (raw) => {
    const result = await schema["~standard"].validate(raw);
    if (result.issues) throw new InputError(result.issues);
    return result.value;
  };
}

/** Whether an input is a Standard Schema. */
export function isSchema(input: unknown): input is StandardSchema<never> {
  const { "~standard": standard } = (input ?? {}) as Partial<StandardSchema<unknown>>;
  return typeof standard?.validate === "function";
}

function textOf({ message, path }: InputIssue): string {
  const keys = (path ?? []).map((it) => String(typeof it === "object" ? it.key : it));
  return keys.length > 0 ? `${keys.join(".")}: ${message}` : message;
}
