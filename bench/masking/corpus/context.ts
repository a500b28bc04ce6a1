// The parts of a template are the value with its name, and several spellings of the name.
import type { SeededRandom } from './seeded-random.ts';

export interface NamedValue {
  readonly name: string;
  /** The value. Marks enclose its secret part (see `secret` in sample.ts). */
  readonly value: string;
}

export type Template = (item: NamedValue, random: SeededRandom) => string;

/** Templates of one notation. */
export interface Context {
  readonly context: string;
  readonly file: string;
  /** False if the templates contain no name for the value. */
  readonly named?: false;
  /** True if the value is part of a URL. */
  readonly inUrl?: true;
  readonly templates: readonly Template[];
}

export const camel = (name: string): string =>
  name.toLowerCase().replaceAll(/[_-](\w)/g, (_, letter: string) => letter.toUpperCase());
export const pascal = (name: string): string => camel(name).replace(/^./, (letter) => letter.toUpperCase());
export const kebab = (name: string): string => name.toLowerCase().replaceAll('_', '-');
export const snake = (name: string): string => name.toLowerCase().replaceAll('-', '_');
export const upper = (name: string): string =>
  name
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toUpperCase();
