/** Stores small named values of the installation, such as the hash of the admin token. */
export interface SettingStore {
  get(name: string): Promise<string | undefined>;
  /** Writes the value if none is stored under this name. Returns the value that is stored afterwards. */
  putIfAbsent(name: string, value: string): Promise<string>;
  put(name: string, value: string): Promise<void>;
}
