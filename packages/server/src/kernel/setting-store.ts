/** Small named values of the installation itself, such as the hash of the admin token. */
export interface SettingStore {
  get(name: string): Promise<string | undefined>;
  /** Writes the value only when there is none; gives the one that holds now. */
  putIfAbsent(name: string, value: string): Promise<string>;
  put(name: string, value: string): Promise<void>;
}
