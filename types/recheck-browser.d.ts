// The part of the package `recheck` that runs in JavaScript alone. The main entry of the package starts a Java program or
// a native binary where one is installed.
declare module 'recheck/lib/browser.js' {
  import type { checkSync } from 'recheck';

  const recheck: { readonly checkSync: typeof checkSync };
  export default recheck;
}
