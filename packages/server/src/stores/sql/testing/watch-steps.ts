import type { SqlSyntax } from '../engine/sql-syntax.ts';
import type { SqlEngine } from '../engine/sql-engine.ts';
import type { Step, Verb } from '../engine/verb.ts';

/**
 * Wraps an engine. `begin` is called for each run of a verb. The function that it returns is called for each step of
 * that run.
 */
export function watchSteps<Dialect extends SqlSyntax>(
  engine: SqlEngine<Dialect>,
  begin: () => (step: Step) => void,
): SqlEngine<Dialect> {
  const watched = <Result, Args extends unknown[]>(verb: (...args: Args) => Verb<Result>) =>
    function* (...args: Args): Verb<Result> {
      const note = begin();
      const inner = verb(...args);
      let turn = inner.next();
      while (turn.done !== true) {
        note(turn.value);
        turn = inner.next(yield turn.value);
      }
      return turn.value;
    };
  return {
    dialect: engine.dialect,
    durable: engine.durable,
    hintChannel: engine.hintChannel,
    soleWriter: engine.soleWriter,
    read: (verb) => engine.read(watched(verb)),
    look: (verb) => engine.look(watched(verb)),
    scan: (verb) => engine.scan(watched(verb)),
    write: (verb) => engine.write(watched(verb)),
    tidy: () => engine.tidy(),
    ping: () => engine.ping(),
    time: () => engine.time(),
    now: () => engine.now(),
    close: () => engine.close(),
  };
}
