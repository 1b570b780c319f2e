module toolyard

go 1.27
