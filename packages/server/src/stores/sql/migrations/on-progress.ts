/** Receives a sentence after each part of a long migration. */
export type OnProgress = (text: string) => void;
