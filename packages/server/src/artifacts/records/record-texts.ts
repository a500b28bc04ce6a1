import { fieldError, saidContentType } from '@proofhouse/core';
import { checkedField, checkedList, type CheckedText } from '../../secrets/checked-text.ts';
import { cleanFilename } from '../clean-filename.ts';

/** The fields of a record that contain text from a client. */
interface RecordTexts {
  readonly title?: string | undefined;
  readonly description?: string | null | undefined;
  readonly name?: string | undefined;
  readonly filename?: string | null | undefined;
  readonly contentType?: string | null | undefined;
  readonly assistantJobId?: string | null | undefined;
  readonly reviewer?: string | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
}

/** Returns the texts of a record that are checked for secrets. */
export function textsOfRecord(record: RecordTexts): CheckedText[] {
  return [
    ...checkedField('title', record.title),
    ...checkedField('description', record.description),
    ...checkedField('name', record.name),
    ...checkedField('filename', record.filename),
    ...checkedField('contentType', record.contentType),
    ...checkedField('assistantJobId', record.assistantJobId),
    ...checkedField('reviewer', record.reviewer),
    ...checkedList('tags', record.tags),
  ];
}

/**
 * Returns the file name and the content type of a request in the form in which they are stored. Null and undefined are
 * returned unchanged. Throws `invalid_request` if a value is empty after the cleaning.
 */
export function cleanedNames(given: Pick<RecordTexts, 'filename' | 'contentType'>): {
  readonly filename: string | null | undefined;
  readonly contentType: string | null | undefined;
} {
  const { filename, contentType } = given;
  return {
    filename: filename == null ? filename : required('filename', cleanFilename(filename), 'must be a file name'),
    contentType:
      contentType == null
        ? contentType
        : required('contentType', saidContentType(contentType), 'must be a media type such as text/plain'),
  };
}

function required(path: string, value: string | null | undefined, message: string): string {
  if (value == null) throw fieldError(path, message);
  return value;
}
