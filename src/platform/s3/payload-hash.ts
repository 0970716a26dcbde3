/** As much of a command of the S3 client as it takes to add middleware before its request is signed. */
interface Command {
  readonly middlewareStack: {
    add(middleware: Middleware, options: { step: 'build'; name: string }): void;
  };
}

type Middleware = <Args extends { request: unknown }, Result>(
  next: (args: Args) => Result,
) => (args: Args) => Result;

/**
 * Gives the command's request the known SHA-256 (lower-case hex) of its body as `x-amz-content-sha256`, before it is
 * signed (P4). The server then refuses other bytes, and the SDK neither hashes them again nor frames them in chunks.
 */
export function presetPayloadHash(command: Command, sha256: string): void {
  command.middlewareStack.add(
    (next) => (args) => {
      setHeader(args.request, 'x-amz-content-sha256', sha256);
      return next(args);
    },
    { step: 'build', name: 'presetPayloadHash' },
  );
}

function setHeader(request: unknown, name: string, value: string): void {
  if (!hasHeaders(request)) throw new TypeError('the S3 client built a request without headers');
  request.headers[name] = value;
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request;
}
