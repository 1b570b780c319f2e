local changes = {}
for at = 6, #ARGV, 3 do
    table.insert(changes, { key = ARGV[at], value = ARGV[at + 1] == 'set' and ARGV[at + 2] })
end
return change(changes, '')
