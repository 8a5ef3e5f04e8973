/** Messages for people: ids as UUIDs, cells by their digits; and where in a message an id is named. */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { isReflectMessage, reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { hexText } from "@hexhold/hex";
import { uuidText } from "@hexhold/messaging";

export type Readable =
  | string
  | number
  | boolean
  | null
  | readonly Readable[]
  | { readonly [field: string]: Readable };

/** Where a message names an id. */
export interface NamedPlace {
  /** Field of the outermost message, e.g. `residents`. */
  readonly field: string;
  /** E.g. `residents[3].player_id`. */
  readonly path: string;
  /** The innermost message around it. */
  readonly around: Readable;
}

const idLength = 16;

/**
 * `message` with bytes of an id as UUID text, other bytes as base64, cells (`…hex_id`) by their hex digits,
 * 64-bit numbers as decimal text and enums by name. Fields that are not set are left out.
 */
export function readableMessage(schema: DescMessage, message: Message): Readable {
  return readable(reflect(schema, message));
}

/**
 * Every field of `message`, at whatever depth, whose bytes are `id`: found by descriptors, so that a type that
 * is new names players without a change here.
 */
export function placesOf(schema: DescMessage, message: Message, id: Uint8Array): NamedPlace[] {
  const places: NamedPlace[] = [];
  const walk = (around: ReflectMessage, path: string, top: string | undefined): void => {
    for (const field of around.fields) {
      if (!around.isSet(field)) continue;
      const value: unknown = around.get(field);
      const values = field.fieldKind === "list" ? [...(value as Iterable<unknown>)] : [value];
      for (const [i, item] of values.entries()) {
        const name = field.fieldKind === "list" ? `${field.name}[${i}]` : field.name;
        const first = top ?? field.name;
        if (isReflectMessage(item)) walk(item, `${path}${name}.`, first);
        else if (item instanceof Uint8Array && Buffer.from(item).equals(id)) {
          places.push({
            field: first,
            path: `${path}${name}`,
            around: aroundOf(around, field, item),
          });
        }
      }
    }
  };
  walk(reflect(schema, message), "", undefined);
  return places;
}

/** Of a list of ids at the top of a state only the id: its neighbours are not about it. */
function aroundOf(message: ReflectMessage, field: DescField, id: Uint8Array): Readable {
  return field.fieldKind === "list" ? uuidText(id) : readable(message);
}

function readable(message: ReflectMessage): Readable {
  const fields: Record<string, Readable> = {};
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const value: unknown = message.get(field);
    fields[field.name] =
      field.fieldKind === "list"
        ? [...(value as Iterable<unknown>)].map((item) => readableValue(field, item))
        : readableValue(field, value);
  }
  return fields;
}

function readableValue(field: DescField, value: unknown): Readable {
  if (isReflectMessage(value)) return readable(value);
  if (value instanceof Uint8Array) {
    return value.length === idLength ? uuidText(value) : Buffer.from(value).toString("base64");
  }
  if (typeof value === "bigint") {
    return field.name.endsWith("hex_id") ? hexText(value) : value.toString();
  }
  if (typeof value === "number" && field.enum !== undefined) {
    return field.enum.value[value]?.name ?? value;
  }
  return value as string | number | boolean;
}
