// The JavaScript part of the package `recheck`. The main entry of the package would start a Java program or a native
// binary if one is installed.
declare module 'recheck/lib/browser.js' {
  import type { checkSync } from 'recheck';

  const recheck: { readonly checkSync: typeof checkSync };
  export default recheck;
}
