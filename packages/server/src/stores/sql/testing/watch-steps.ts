import type { SqlSyntax } from '../engine/sql-syntax.ts';
import type { SqlEngine } from '../engine/sql-engine.ts';
import type { Step, Verb } from '../engine/verb.ts';

/** The engine method by which a verb was run. */
export type EngineMethod = 'read' | 'look' | 'scan' | 'write';

/**
 * Wraps an engine. Each run of a verb calls `begin` with the name of the engine method. `begin` returns a function,
 * which is then called for each step of this run.
 */
export function watchSteps<Dialect extends SqlSyntax>(
  engine: SqlEngine<Dialect>,
  begin: (method: EngineMethod) => (step: Step) => void,
): SqlEngine<Dialect> {
  const watched = <Result, Args extends unknown[]>(method: EngineMethod, verb: (...args: Args) => Verb<Result>) =>
    function* (...args: Args): Verb<Result> {
      const note = begin(method);
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
    read: (verb) => engine.read(watched('read', verb)),
    look: (verb) => engine.look(watched('look', verb)),
    scan: (verb) => engine.scan(watched('scan', verb)),
    write: (verb) => engine.write(watched('write', verb)),
    tidy: () => engine.tidy(),
    ping: () => engine.ping(),
    time: () => engine.time(),
    now: () => engine.now(),
    close: () => engine.close(),
  };
}
