/** A text of a request that the scanner checks before it is stored. */
export interface CheckedText {
  /** Name of the text in the findings of the record. */
  readonly field: string;
  readonly text: string;
  /** Path of the text in the request, for errors. Default: `field`. */
  readonly path?: string;
}

/** Returns the texts of a field that is a list. `at` is the path, in the request, of the object with this field. */
export function checkedList(name: string, texts: readonly string[] | null | undefined, at = ''): CheckedText[] {
  return (texts ?? []).map((text, index) => {
    const field = `${name}.${String(index)}`;
    return { field, text, path: `${at}${field}` };
  });
}

/** Returns the text of a field that may be absent. */
export function checkedField(field: string, text: string | null | undefined): CheckedText[] {
  return text == null ? [] : [{ field, text }];
}
