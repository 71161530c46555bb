"""Models and endpoints: real server processes behind InvokeEndpoint."""
