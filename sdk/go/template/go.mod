module {{name}}

go 1.27

require toolyard v0.0.0

replace toolyard => ./.toolyard/sdk/go
