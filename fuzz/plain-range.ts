// What a Range header asks for, read the plainest way (RFC 9110 section 14.1.2): every byte is asked whether it is wanted.

/** The wanted places among `size` bytes; `whole` when the header counts for nothing, `none` when no byte is wanted. */
export function plainRange(header: string, size: number): readonly number[] | 'whole' | 'none' {
  const equals = header.indexOf('=');
  if (header.slice(0, equals).toLowerCase() !== 'bytes') return 'whole';
  const [first, last, ...rest] = header.slice(equals + 1).split('-');
  if (first === undefined || last === undefined || rest.length > 0 || !isNumber(first) || !isNumber(last))
    return 'whole';
  if (first === '' && last === '') return 'whole';
  if (first !== '' && last !== '' && BigInt(last) < BigInt(first)) return 'whole';
  const wanted = Array.from({ length: size }, (_, place) => place).filter((place) => {
    if (first === '') return BigInt(size - place) <= BigInt(last);
    return BigInt(place) >= BigInt(first) && (last === '' || BigInt(place) <= BigInt(last));
  });
  return wanted.length === 0 ? 'none' : wanted;
}

function isNumber(text: string): boolean {
  return Array.from(text).every((character) => character >= '0' && character <= '9');
}
